import { leadContext, sealedLeadSchema, type SealedLead } from '#contracts';
import { openEnvelope, type ReceiverKeys } from '#privacy';

/** A lead as ingest sealed it to core's key. Throws on what does not open or is no lead. */
export async function openLead(receiver: ReceiverKeys, leadId: string, sealed: string): Promise<SealedLead> {
  const plain = await openEnvelope(receiver.privateKey, sealed, leadContext(leadId));
  return sealedLeadSchema.parse(JSON.parse(Buffer.from(plain).toString('utf8')));
}
