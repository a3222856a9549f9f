import type { Pool } from 'pg';
import type { Department, Role } from '#policy';
import type { Account, Company } from './granting.js';

/** Roles and departments as they are now. */
export async function readCompany(pool: Pool): Promise<Company> {
  const [roles, departments] = await Promise.all([
    pool.query<Role>('SELECT id, name, extends_id AS "extendsId", grants FROM read.roles'),
    pool.query<Department>('SELECT id, parent_id AS "parentId", role_ids AS "roleIds" FROM read.departments'),
  ]);
  return { roles: roles.rows, departments: departments.rows };
}

/** A person's place, with the roles given to himself. Throws a plain Error when he is not there: who asks is somebody. */
export async function readAccount(pool: Pool, userId: string): Promise<Account> {
  const result = await pool.query<Account>(
    'SELECT is_admin AS "isAdmin", department_id AS "departmentId", role_ids AS "roleIds" FROM read.principals WHERE user_id = $1',
    [userId],
  );
  const [account] = result.rows;
  if (account === undefined) throw new Error('the person who asks is not there');
  return account;
}
