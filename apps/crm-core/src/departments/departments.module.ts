import { Module } from '@nestjs/common';
import { ChangeDepartment, ChangeDepartmentHandler, CreateDepartment, CreateDepartmentHandler } from './departments.handlers.js';

export const DEPARTMENT_COMMANDS = { CreateDepartment, ChangeDepartment };

@Module({ providers: [CreateDepartmentHandler, ChangeDepartmentHandler] })
export class DepartmentsModule {}
