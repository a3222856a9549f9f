import { sql, type Kysely, type Migration } from 'kysely';

/** A role may require a second factor of whoever holds it; what decides about a person tells it. */
export const secondFactorOfRoles: Migration = {
  async up(db: Kysely<never>) {
    await sql`ALTER TABLE read.roles ADD COLUMN require_second_factor boolean NOT NULL DEFAULT false`.execute(db);
    await sql`
    CREATE OR REPLACE FUNCTION read.authorization_of(p_user uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
      WITH RECURSIVE me AS (
        SELECT p.*, u.name, u.email FROM read.principals p JOIN read.users u ON u.id = p.user_id WHERE p.user_id = p_user
      ), below AS (
        SELECT d.id FROM read.departments d JOIN me ON d.id = me.department_id
        UNION
        SELECT d.id FROM read.departments d JOIN below ON d.parent_id = below.id
      )
      SELECT jsonb_build_object(
        'userId', me.user_id, 'name', me.name, 'email', me.email, 'status', me.status, 'isAdmin', me.is_admin,
        'departmentId', me.department_id, 'epoch', me.epoch,
        'roleIds', (SELECT coalesce(jsonb_agg(DISTINCT held.id), '[]')
                    FROM unnest(me.role_ids || read.roles_of_department(me.department_id)) AS held(id)),
        'roles', coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'extendsId', r.extends_id, 'grants', r.grants,
                                       'requireSecondFactor', r.require_second_factor))
                           FROM read.roles r), '[]'),
        'groupUserIds', coalesce((SELECT jsonb_agg(p.user_id) FROM read.principals p
                                  WHERE p.user_id = me.user_id OR p.department_id IN (SELECT id FROM below)), '[]'),
        'authzVersion', s.authz_version, 'settings', s.settings)
      FROM me, read.security s
    $$`.execute(db);
  },
};
