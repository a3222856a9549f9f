import { Module } from '@nestjs/common';
import {
  ChangeDepartment,
  ChangeDepartmentHandler,
  ChangeDepartmentRoles,
  ChangeDepartmentRolesHandler,
  CreateDepartment,
  CreateDepartmentHandler,
  DeleteDepartment,
  DeleteDepartmentHandler,
} from './departments.handlers.js';

export const DEPARTMENT_COMMANDS = { CreateDepartment, ChangeDepartment, ChangeDepartmentRoles, DeleteDepartment };

@Module({
  providers: [CreateDepartmentHandler, ChangeDepartmentHandler, ChangeDepartmentRolesHandler, DeleteDepartmentHandler],
})
export class DepartmentsModule {}
