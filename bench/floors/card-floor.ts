import Fastify from 'fastify';
import { Pool } from 'pg';
import { answerWith } from '../child-process.js';

/**
 * What any server of a card has to do, and nothing of what it should: one Fastify route, one indexed SELECT of the columns of a
 * contact's card, prepared once, on the same rows. No session, no rights, no count, no record of who looked.
 */
const SELECT = `SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.note, r.custom_fields, r.responsible_id, r.tags,
  r.created_at, r.updated_at, r.version FROM read.contacts AS r WHERE r.id = $1`;

async function listen({ databaseUrl }: { readonly databaseUrl: string }): Promise<string> {
  const pool = new Pool({ connectionString: databaseUrl, max: 16 });
  pool.on('error', () => undefined);
  const server = Fastify({ logger: false });
  server.get<{ Params: { id: string } }>('/cards/:id', async ({ params }, reply) => {
    const { rows } = await pool.query({ name: 'card', text: SELECT, values: [params.id] });
    return rows[0] ?? reply.code(404).send();
  });
  return server.listen({ host: '127.0.0.1', port: 0 });
}

answerWith({ listen });
