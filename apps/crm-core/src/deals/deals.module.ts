import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import {
  AssignDeal,
  AssignDealHandler,
  ChangeDeal,
  ChangeDealHandler,
  CreateDeal,
  CreateDealHandler,
  DeleteDeal,
  DeleteDealHandler,
  MoveDeal,
  MoveDealHandler,
  RestoreDeal,
  RestoreDealHandler,
} from './deals.handlers.js';

/** The commands of this feature by the names they have on the wire. */
export const DEAL_COMMANDS = { CreateDeal, ChangeDeal, AssignDeal, DeleteDeal, RestoreDeal, MoveDeal };

@Module({
  imports: [LogModule],
  providers: [CreateDealHandler, ChangeDealHandler, AssignDealHandler, DeleteDealHandler, RestoreDealHandler, MoveDealHandler],
})
export class DealsModule {}
