import { sql } from 'kysely';
import { z } from 'zod';
import { DomainError } from '#kernel';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { decodeCursor, pageOf, type Page, type PageRequest } from '../http/index.js';

export const userSchema = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  roleIds: z.array(z.uuid()),
  departmentId: z.uuid().nullable(),
  isAdmin: z.boolean(),
  status: z.enum(['invited', 'active', 'held', 'deactivated']),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  version: z.int(),
});
export type User = z.infer<typeof userSchema>;

interface UserRow {
  id: string;
  email: string;
  name: string;
  role_ids: string[];
  department_id: string | null;
  is_admin: boolean;
  status: 'invited' | 'active' | 'deactivated';
  created_at: Date;
  updated_at: Date;
  version: number;
  held: boolean;
  has_password: boolean;
}

/** Reads people as administrators see them. Ids are time-ordered, so a list by id is a list by age. */
export class People {
  constructor(private readonly database: GatewayDatabase) {}

  async list(page: PageRequest): Promise<Page<User>> {
    const after = page.cursor === null ? null : decodeCursor(page.cursor, z.uuid());
    const rows = await this.#select()
      .$if(after !== null, (query) => query.where('u.id', '>', after as string))
      .orderBy('u.id')
      .limit(page.limit + 1)
      .execute();
    return pageOf(rows, page.limit, shown, (row) => row.id);
  }

  /** Throws `not-found`. */
  async get(id: string): Promise<User> {
    const row = await this.#select().where('u.id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('not-found');
    return shown(row);
  }

  /** Throws `not-found`. */
  async versionOf(id: string): Promise<number> {
    const row = await this.database.db.selectFrom('read.users').select('version').where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('not-found');
    return row.version;
  }

  async departmentName(id: string): Promise<{ id: string; name: string } | null> {
    const row = await this.database.db
      .selectFrom('read.departments')
      .select(['id', 'name'])
      .where('id', '=', id)
      .executeTakeFirst();
    return row ?? null;
  }

  #select() {
    return this.database.db
      .selectFrom('read.users as u')
      .select([
        'u.id',
        'u.email',
        'u.name',
        'u.role_ids',
        'u.department_id',
        'u.is_admin',
        'u.status',
        'u.created_at',
        'u.updated_at',
        'u.version',
        sql<boolean>`watch.is_held(u.id)`.as('held'),
        sql<boolean>`EXISTS (SELECT 1 FROM access.credentials c WHERE c.user_id = u.id)`.as('has_password'),
      ]);
  }
}

function shown(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    roleIds: row.role_ids,
    departmentId: row.department_id,
    isAdmin: row.is_admin,
    status: statusOf(row),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    version: row.version,
  };
}

/** What core stores, and what only the gate (held) and the credentials (invited) know. */
function statusOf(row: UserRow): User['status'] {
  if (row.status === 'deactivated') return 'deactivated';
  if (row.held) return 'held';
  return row.has_password ? 'active' : 'invited';
}
