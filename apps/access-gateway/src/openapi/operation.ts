import { addRules } from '../requests/route-rules.js';
import type { OperationDescription } from './operation-description.js';

/** Describes a route for `/openapi.json`. A route without it fails the spec that compares routes and document. */
export const Operation = (operation: OperationDescription): MethodDecorator => addRules({ operation });
