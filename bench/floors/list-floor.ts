import Fastify from 'fastify';
import { Pool } from 'pg';
import { answerWith } from '../child-process.js';

/**
 * What any server of a list has to do, and nothing of what it should: one Fastify route, one SELECT of the columns of a row, of the
 * contacts of a department's people, newest first, prepared once. No session, no rights, no count, no record of who looked.
 */
const SELECT = `SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.responsible_id, r.tags, r.created_at, r.updated_at,
  r.version FROM read.contacts AS r WHERE r.deleted_at IS NULL AND r.responsible_id = ANY ($1::uuid[])
  ORDER BY r.created_at DESC, r.id DESC LIMIT 50`;

async function listen({ databaseUrl }: { readonly databaseUrl: string }): Promise<string> {
  const pool = new Pool({ connectionString: databaseUrl, max: 16 });
  pool.on('error', () => undefined);
  const members = await pool.query<{ department: string; people: string[] }>(
    `SELECT department_id AS department, array_agg(user_id) AS people FROM read.principals WHERE department_id IS NOT NULL GROUP BY 1`,
  );
  const people = new Map(members.rows.map((row) => [row.department, row.people]));
  const server = Fastify({ logger: false });
  server.get<{ Params: { id: string } }>('/departments/:id', async ({ params }) => {
    const { rows } = await pool.query({ name: 'list', text: SELECT, values: [people.get(params.id) ?? []] });
    return { items: rows };
  });
  return server.listen({ host: '127.0.0.1', port: 0 });
}

answerWith({ listen });
