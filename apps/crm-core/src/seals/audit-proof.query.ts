import { Inject } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DomainError } from '#kernel';
import type { AuditProofReply } from '#contracts';
import { SealStore } from './seal-store.js';
import { HEAD_SIGNER } from './seals.tokens.js';
import type { HeadSigner } from './signing-key.js';

const COUNTED = 10_000;

export class GetAuditProof extends Query<AuditProofReply> {}

/** The last seal, with its signature checked once more. Refused with `dependency-unavailable` as long as nothing is sealed. */
@QueryHandler(GetAuditProof)
export class GetAuditProofHandler implements IQueryHandler<GetAuditProof> {
  constructor(
    private readonly store: SealStore,
    @Inject(HEAD_SIGNER) private readonly signer: HeadSigner,
  ) {}

  async execute(): Promise<AuditProofReply> {
    const seal = await this.store.last();
    if (seal === undefined || !this.signer.verify(seal.head, seal.signature))
      throw new DomainError('dependency-unavailable', { detail: 'there is no signed head yet', retryAfterSeconds: 1 });
    const { number, events, total, sealedAt, keyId, head, previousHead, root, signature } = seal;
    const { events: unsealed } = await this.store.waiting(seal.last, COUNTED);
    return {
      ...{ ok: true, number, events, total, sealedAt, keyId, unsealed, publicKey: this.signer.publicKey },
      head: head.toString('hex'),
      previousHead: previousHead.toString('hex'),
      root: root.toString('hex'),
      signature: signature.toString('base64'),
    };
  }
}
