import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import { LoseDeal, LoseDealHandler, ReopenDeal, ReopenDealHandler, WinDeal, WinDealHandler } from './deal-outcomes.handlers.js';
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
export const DEAL_COMMANDS = {
  CreateDeal,
  ChangeDeal,
  AssignDeal,
  DeleteDeal,
  RestoreDeal,
  MoveDeal,
  WinDeal,
  LoseDeal,
  ReopenDeal,
};

@Module({
  imports: [LogModule],
  providers: [
    CreateDealHandler,
    ChangeDealHandler,
    AssignDealHandler,
    DeleteDealHandler,
    RestoreDealHandler,
    MoveDealHandler,
    WinDealHandler,
    LoseDealHandler,
    ReopenDealHandler,
  ],
})
export class DealsModule {}
