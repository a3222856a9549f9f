import { Module, type DynamicModule } from '@nestjs/common';
import { HealthModule, type HealthChecks } from '#platform';
import { IntakeDoor } from './door/intake-door.js';
import { FormBook } from './forms/form-book.js';
import { LeadIntake } from './leads/lead-intake.js';
import { LeadsController } from './leads/leads.controller.js';
import { FormPageController } from './pages/form-page.controller.js';

export interface IngestParts {
  readonly door: IntakeDoor;
  readonly intake: LeadIntake;
  readonly book: FormBook;
  readonly checks: HealthChecks;
  /** Of what leads are taken without. */
  readonly dispensable: HealthChecks;
}

/** The routes of ingest over parts that are made before the port is opened. */
@Module({})
export class LeadIngestModule {
  static over(parts: IngestParts): DynamicModule {
    return {
      module: LeadIngestModule,
      imports: [HealthModule.forRoot(parts.checks, parts.dispensable)],
      controllers: [LeadsController, FormPageController],
      providers: [
        { provide: IntakeDoor, useValue: parts.door },
        { provide: LeadIntake, useValue: parts.intake },
        { provide: FormBook, useValue: parts.book },
      ],
    };
  }
}
