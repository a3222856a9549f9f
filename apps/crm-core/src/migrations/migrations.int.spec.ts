import pg from 'pg';
import { Secret } from '#kernel';
import { searchVector } from '#contracts';
import { runMigrations } from '#platform';
import { testDatabase } from '#testing';
import { MIGRATIONS } from './index.js';

it('makes the words of names that were there before words were made here', async () => {
  const database = await testDatabase('empty');
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  try {
    const databaseUrl = new Secret(database.coreUrl);
    const first = { '0001-first-light': MIGRATIONS.migrations['0001-first-light'] };
    await runMigrations({ ...MIGRATIONS, migrations: first, databaseUrl });
    await superuser.connect();
    const tables = [
      ['contacts', 'name', ''],
      ['companies', 'name', ''],
      ['deals', 'title', ', pipeline_id, stage_id, status'],
    ] as const;
    for (const [table, column, more] of tables)
      await superuser.query(
        `INSERT INTO read.${table} (id, ${column}, created_at, updated_at, version${more})
         SELECT gen_random_uuid(), 'Артём web.site/' || n, now(), now(), 1${more === '' ? '' : ", gen_random_uuid(), gen_random_uuid(), 'open'"}
         FROM generate_series(1, 6000) AS n`,
      );
    expect(await runMigrations({ ...MIGRATIONS, databaseUrl })).toContain('0002-records-in-full');
    for (const [table, column] of tables) {
      const { rows } = await superuser.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM read.${table} WHERE search = (replace($1, '0', split_part(${column}, '/', 2)))::tsvector`,
        [searchVector('Артём web.site/0')],
      );
      expect(rows).toEqual([{ n: 6_000 }]);
    }
  } finally {
    await superuser.end();
    await database.drop();
  }
});
