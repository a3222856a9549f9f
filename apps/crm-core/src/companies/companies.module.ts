import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import {
  AssignCompany,
  AssignCompanyHandler,
  ChangeCompany,
  ChangeCompanyHandler,
  CreateCompany,
  CreateCompanyHandler,
  DeleteCompany,
  DeleteCompanyHandler,
  RestoreCompany,
  RestoreCompanyHandler,
} from './companies.handlers.js';

/** The commands of this feature by the names they have on the wire. */
export const COMPANY_COMMANDS = { CreateCompany, ChangeCompany, AssignCompany, DeleteCompany, RestoreCompany };

@Module({
  imports: [LogModule],
  providers: [CreateCompanyHandler, ChangeCompanyHandler, AssignCompanyHandler, DeleteCompanyHandler, RestoreCompanyHandler],
})
export class CompaniesModule {}
