import Fastify from 'fastify';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { answerWith } from '../child-process.js';

/**
 * The least that takes a lead and loses none: one Fastify route, one INSERT, on disk before the answer (synchronous FULL; with the
 * write-ahead log, which is SQLite's fastest way to that). Nothing is checked and nothing is sealed.
 */
async function listen({ folder }: { readonly folder: string }): Promise<string> {
  const database = new DatabaseSync(join(folder, 'lead-floor.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec(
    'CREATE TABLE leads (seq INTEGER PRIMARY KEY, lead_id TEXT NOT NULL, received_at TEXT NOT NULL, body TEXT NOT NULL)',
  );
  const insert = database.prepare('INSERT INTO leads (lead_id, received_at, body) VALUES (?, ?, ?)');
  const server = Fastify({ logger: false });
  server.post('/leads', (request, reply) => {
    const leadId = randomUUID();
    insert.run(leadId, new Date().toISOString(), JSON.stringify(request.body));
    reply.code(202).send({ leadId });
  });
  return server.listen({ host: '127.0.0.1', port: 0 });
}

answerWith({ listen });
