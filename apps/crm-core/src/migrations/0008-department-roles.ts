import { sql, type Kysely, type Migration } from 'kysely';

/**
 * Roles of departments. `read.principals.role_ids` are those given to the person himself: each row hangs on its own stream alone.
 * What he holds through his department and the ones above it is added where it is asked for.
 */
export const departmentRoles: Migration = {
  async up(db: Kysely<never>) {
    // Policy: heldRoleIds. A way up that does not end at a root gives nothing. A loop of look-ups by key: on the path of every opening
    // where a limit names roles, it takes a quarter of the time of a recursive query.
    await sql`
      CREATE FUNCTION read.roles_of_department(p_department uuid) RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
      DECLARE
        v_next uuid := p_department;
        v_passed uuid[] := '{}';
        v_own uuid[];
        v_roles uuid[] := '{}';
      BEGIN
        WHILE v_next IS NOT NULL LOOP
          IF v_next = ANY (v_passed) THEN RETURN '{}'; END IF;
          v_passed := v_passed || v_next;
          SELECT d.parent_id, d.role_ids INTO v_next, v_own FROM read.departments AS d WHERE d.id = v_next;
          IF NOT FOUND THEN RETURN '{}'; END IF;
          v_roles := v_roles || v_own;
        END LOOP;
        RETURN v_roles;
      END $$`.execute(db);
    await authorization(db);
    await guards(db);
    await sql`REVOKE ALL ON FUNCTION read.roles_of_department(uuid) FROM PUBLIC`.execute(db);
    await sql`GRANT EXECUTE ON FUNCTION read.roles_of_department(uuid) TO palisade_gateway, palisade_monitor`.execute(db);
    await sql`GRANT SELECT (id, parent_id, role_ids) ON read.departments TO palisade_monitor`.execute(db);
  },
};

/** As before, with `roleIds` of the person, his department and those above it. */
async function authorization(db: Kysely<never>): Promise<void> {
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
        'roles', coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'extendsId', r.extends_id, 'grants', r.grants))
                           FROM read.roles r), '[]'),
        'groupUserIds', coalesce((SELECT jsonb_agg(p.user_id) FROM read.principals p
                                  WHERE p.user_id = me.user_id OR p.department_id IN (SELECT id FROM below)), '[]'),
        'authzVersion', s.authz_version, 'settings', s.settings)
      FROM me, read.security s
    $$`.execute(db);
}

/** Run under the locks of what is named, before the projections: what refers to a thing and what removes it never miss each other. */
async function guards(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION read.require_roles_and_departments(p_roles uuid[], p_departments uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM unnest(p_roles) AS named(id) WHERE NOT EXISTS (SELECT FROM read.roles AS r WHERE r.id = named.id))
        OR EXISTS (SELECT FROM unnest(p_departments) AS named(id)
                   WHERE NOT EXISTS (SELECT FROM read.departments AS d WHERE d.id = named.id))
      THEN
        RAISE EXCEPTION USING ERRCODE = 'PA081', MESSAGE = 'a role or department that is named is gone';
      END IF;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION read.role_in_use(p_role uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
      SELECT EXISTS (SELECT FROM read.users AS u WHERE p_role = ANY (u.role_ids))
        OR EXISTS (SELECT FROM read.departments AS d WHERE p_role = ANY (d.role_ids))
        OR EXISTS (SELECT FROM read.roles AS r WHERE r.extends_id = p_role)
        OR EXISTS (SELECT FROM read.security AS s CROSS JOIN jsonb_path_query(s.settings, '$.activityMonitoring.limits[*].scope.roleIds[*]') AS scope(id)
                   WHERE lower(scope.id #>> '{}') = p_role::text)
    $$`.execute(db);
  await sql`
    CREATE FUNCTION read.department_in_use(p_department uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
      SELECT EXISTS (SELECT FROM read.users AS u WHERE u.department_id = p_department)
        OR EXISTS (SELECT FROM read.departments AS d WHERE d.parent_id = p_department)
        OR EXISTS (SELECT FROM read.forms AS f WHERE f.settings->'assign'->>'departmentId' = p_department::text)
    $$`.execute(db);
  await sql`
    CREATE FUNCTION read.require_unused_role(p_role uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF read.role_in_use(p_role) THEN RAISE EXCEPTION USING ERRCODE = 'PA082', MESSAGE = 'the role is in use'; END IF;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION read.require_unused_department(p_department uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF read.department_in_use(p_department) THEN RAISE EXCEPTION USING ERRCODE = 'PA082', MESSAGE = 'the department is in use'; END IF;
    END $$`.execute(db);
}
