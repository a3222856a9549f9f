import { Module, type DynamicModule } from '@nestjs/common';
import { HealthModule, type HealthChecks } from '#platform';
import { IntakeDoor } from './door/intake-door.js';
import { LeadIntake } from './leads/lead-intake.js';
import { LeadsController } from './leads/leads.controller.js';

/** The routes of ingest over parts that are made before the port is opened. */
@Module({})
export class LeadIngestModule {
  static over(parts: { readonly door: IntakeDoor; readonly intake: LeadIntake; readonly checks: HealthChecks }): DynamicModule {
    return {
      module: LeadIngestModule,
      imports: [HealthModule.forRoot(parts.checks)],
      controllers: [LeadsController],
      providers: [
        { provide: IntakeDoor, useValue: parts.door },
        { provide: LeadIntake, useValue: parts.intake },
      ],
    };
  }
}
