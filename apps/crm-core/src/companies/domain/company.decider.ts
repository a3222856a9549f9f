import { recordDecider, type RecordCommand, type RecordState } from '../../records/domain/record.decider.js';
import type { CompanyFields } from './company.events.js';

export type CompanyState = RecordState<CompanyFields>;
export type CompanyCommand = RecordCommand<CompanyFields>;

export const companyDecider = recordDecider<'Company', CompanyFields>('Company');
