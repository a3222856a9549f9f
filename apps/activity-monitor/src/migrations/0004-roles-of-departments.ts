import { sql, type Kysely, type Migration } from 'kysely';

/**
 * A limit for a role holds for those who have the role through their department as well. `p_roles` are the roles given to the person
 * himself (`read.principals.role_ids`); the others are looked up once, and only where a limit names roles at all.
 */
export const rolesOfDepartments: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE OR REPLACE FUNCTION watch.limits_for(p_limits jsonb, p_measures text[], p_user uuid, p_roles uuid[])
      RETURNS TABLE (measure text, "window" text, action text, max integer)
      LANGUAGE sql STABLE PARALLEL SAFE
      AS $$
        SELECT DISTINCT ON (fit.measure, fit."window", fit.action) fit.measure, fit."window", fit.action, fit.max
        FROM (
          SELECT l->>'measure' AS measure, l->>'window' AS "window", l->>'action' AS action, (l->>'max')::integer AS max,
            CASE WHEN lower((l->'scope'->'userIds')::text)::jsonb ? p_user::text THEN 1
                 WHEN lower((l->'scope'->'roleIds')::text)::jsonb ?| p_roles::text[] THEN 2
                 WHEN l->'scope' ? 'roleIds' AND lower((l->'scope'->'roleIds')::text)::jsonb ?| (
                   SELECT read.roles_of_department(p.department_id)::text[] FROM read.principals AS p WHERE p.user_id = p_user
                 ) THEN 2
                 WHEN l->'scope'->'everyone' = 'true'::jsonb THEN 3 END AS breadth
          FROM jsonb_array_elements(p_limits) AS l
          WHERE p_measures IS NULL OR l->>'measure' = ANY (p_measures)
        ) AS fit
        WHERE fit.breadth IS NOT NULL
        ORDER BY fit.measure, fit."window", fit.action, fit.breadth, fit.max DESC
      $$`.execute(db);
  },
};
