import pg from 'pg';
import { DomainError, Secret } from '#kernel';
import { createLogger, isUnavailable, reduceError, type Logger } from './index.js';
import { nestLogger } from './logging.js';

/** A made-up number in every spelling that an error could carry. */
const PLANTED = '+7 912 345-67-89';

function capture(): { logger: Logger; text: () => string; lines: () => Record<string, unknown>[] } {
  let text = '';
  const destination = { write: (line: string) => void (text += line) };
  const logger = createLogger({ service: 'spec', instance: '1', level: 'debug', destination });
  return {
    logger,
    text: () => text,
    lines: () =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

function databaseError(): Error {
  const error = new pg.DatabaseError(`duplicate key ${PLANTED}`, 10, 'error');
  Object.assign(error, {
    code: '23505',
    table: 'contacts',
    constraint: 'contacts_pkey',
    detail: `Key (phone)=(${PLANTED}) already exists.`,
    where: PLANTED,
    hint: PLANTED,
    query: `INSERT ${PLANTED}`,
    parameters: [PLANTED],
  });
  return error;
}

describe('logging', () => {
  it.each([
    ['a database error', databaseError()],
    ['a parser error', parserError()],
    [
      'an error with a body',
      Object.assign(new Error(PLANTED), { body: { phone: PLANTED }, headers: { cookie: PLANTED }, url: `/?q=${PLANTED}` }),
    ],
    ['a code that is none', Object.assign(new Error('x'), { code: PLANTED })],
    ['a cause', new Error('outer', { cause: new Error(PLANTED) })],
    ['several lines, one made to look like a frame', new Error(`first\n    at ${PLANTED} (file.js:1:1)`)],
    ['a changed message', Object.assign(new Error(PLANTED), { message: 'changed' })],
    ['a number as a name', Object.assign(new Error('x'), { name: PLANTED })],
    ['a thrown text', PLANTED],
    ['a thrown object', { phone: PLANTED }],
  ])('writes nothing of %s', (_name, error) => {
    const { logger, text, lines } = capture();
    logger.error('failed', { error, other: error instanceof Error ? error : undefined });
    expect(text()).not.toContain(PLANTED);
    expect(text()).not.toContain('345-67');
    expect(lines()[0]).toMatchObject({ level: 'error', service: 'spec', message: 'failed' });
  });

  it('keeps what helps: code, place in the schema, frames, the words of a refusal', () => {
    expect(reduceError(databaseError())).toMatchObject({ code: '23505', table: 'contacts', constraint: 'contacts_pkey' });
    expect(reduceError(new TypeError('x')).stack?.[0]).toMatch(/logging\.unit\.spec\.ts/);
    expect(reduceError(new DomainError('not-found', { detail: 'no such form' }))).toEqual({
      name: 'DomainError',
      code: 'not-found',
      message: 'no such form',
    });
  });

  it('writes plain fields, no objects and no secrets', () => {
    const { logger, lines, text } = capture();
    logger.info('100 % done', {
      count: 3,
      secret: new Secret(PLANTED),
      body: { phone: PLANTED },
      list: [{ phone: PLANTED }],
      ids: ['a', 'b'],
    });
    expect(lines()[0]).toMatchObject({
      message: '100 % done',
      count: 3,
      secret: '[secret]',
      body: '[object]',
      list: '[object]',
      ids: ['a', 'b'],
    });
    expect(text()).not.toContain('345-67');
  });

  it('leaves out what the framework says of errors at run time, keeps why it could not start', () => {
    const { logger, text } = capture();
    const nest = nestLogger(logger);
    nest.error(`bad ${PLANTED}`, `Error: ${PLANTED}\n at x`, 'ExceptionsHandler');
    nest.error(new Error(PLANTED));
    nest.warn(PLANTED);
    expect(text()).not.toContain('345-67');
    nest.error("Nest can't resolve dependencies of the Thing", 'stack', 'ExceptionHandler');
    expect(text()).toContain('resolve dependencies');
  });
});

describe('isUnavailable', () => {
  const withCode = (code: string): Error => Object.assign(new Error('x'), { code });
  const server = (code: string): Error => Object.assign(new pg.DatabaseError('x', 1, 'error'), { code });
  it.each([
    withCode('ECONNREFUSED'),
    server('57P01'),
    server('57P03'),
    server('53300'),
    server('08006'),
    new Error('Connection terminated unexpectedly'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Query read timeout'),
    new DomainError('dependency-unavailable'),
  ])('knows an absent database: %#', (error) => {
    expect(isUnavailable(error)).toBe(true);
  });
  it.each([server('23505'), server('42501'), new Error('x'), withCode('EINVAL'), new DomainError('not-found'), 'ECONNREFUSED'])(
    'takes nothing else for one: %#',
    (error) => {
      expect(isUnavailable(error)).toBe(false);
    },
  );
});

function parserError(): unknown {
  try {
    return JSON.parse(PLANTED);
  } catch (error) {
    return error;
  }
}
