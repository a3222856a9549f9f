import { recordDecider, type RecordCommand, type RecordState } from '../../records/domain/record.decider.js';
import type { ContactFields } from './contact.events.js';

export type ContactState = RecordState<ContactFields>;
export type ContactCommand = RecordCommand<ContactFields>;

export const contactDecider = recordDecider<'Contact', ContactFields>('Contact');
