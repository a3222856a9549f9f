import type { Aggregate } from '../log/aggregate.js';
import { unchanged, withoutCustomFields } from '../records/domain/record.upcasters.js';
import { companyDecider, type CompanyCommand, type CompanyState } from './domain/company.decider.js';
import { COMPANY_EVENT_VERSIONS, type CompanyEvent } from './domain/company.events.js';
import { projectCompany } from './read-model/company.projection.js';

export const companyAggregate: Aggregate<CompanyState, CompanyCommand, CompanyEvent> = {
  ...companyDecider,
  category: 'company',
  sealed: true,
  eventVersions: COMPANY_EVENT_VERSIONS,
  upcasters: { CompanyCreated: { 1: withoutCustomFields }, CompanyChanged: { 1: unchanged } },
  changedBy: 'CompanyChanged',
  project: projectCompany,
};
