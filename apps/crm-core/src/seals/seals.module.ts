import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { DatabaseClock, type Logger } from '#platform';
import type { CoreConfig } from '../config.js';
import { CORE_CONFIG, CORE_LOGGER, CORE_POOL } from '../log/log.module.js';
import { GetAuditProofHandler } from './audit-proof.query.js';
import { HeadsFile } from './heads-file.js';
import { HeadsWebhook } from './heads-webhook.js';
import { SealStore } from './seal-store.js';
import { Sealer } from './sealer.js';
import { HEAD_SIGNER } from './seals.tokens.js';
import { headSigner, type HeadSigner } from './signing-key.js';

@Module({
  providers: [
    GetAuditProofHandler,
    { provide: SealStore, inject: [CORE_POOL], useFactory: (pool: Pool) => new SealStore(pool) },
    { provide: HEAD_SIGNER, inject: [CORE_CONFIG], useFactory: (config: CoreConfig) => headSigner(config.keyDir) },
    {
      provide: Sealer,
      inject: [CORE_CONFIG, SealStore, HEAD_SIGNER, CORE_LOGGER, DatabaseClock],
      useFactory: (config: CoreConfig, store: SealStore, signer: HeadSigner, logger: Logger, { now }: DatabaseClock) => {
        const { headsFile, headsWebhook, allowPrivateTargets } = config;
        const file = new HeadsFile(headsFile);
        const webhook =
          headsWebhook === undefined ? {} : { webhook: new HeadsWebhook(headsWebhook, allowPrivateTargets, logger) };
        return new Sealer({ config, store, signer, file, now, logger, ...webhook });
      },
    },
  ],
})
export class SealsModule {}
