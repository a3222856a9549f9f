import { DomainError } from '#kernel';

const SHORTEST = 12;
/** Argon2 hashes any length; this bounds the work of one request. */
const LONGEST = 200;

/**
 * The commonest passwords of 12 characters and more (from the public lists of leaked ones: SecLists
 * "10-million-password-list-top" by length, and their Russian counterparts). Shorter ones are refused by length.
 */
const COMMON: ReadonlySet<string> = new Set([
  '123456789abc',
  '1234567890qwerty',
  '1q2w3e4r5t6y',
  '1q2w3e4r5t6y7u',
  '1qaz2wsx3edc',
  '1qaz2wsx3edc4rfv',
  'administrator',
  'administrator1',
  'adminadmin123',
  'adminpassword',
  'basketball123',
  'changeme1234',
  'changemeplease',
  'football1234',
  'iloveyou1234',
  'iloveyouforever',
  'ilovemyfamily',
  'letmein12345',
  'liverpoolfc1',
  'manchesterunited',
  'masterpassword',
  'mynameisjohn',
  'p@ssw0rd1234',
  'p@ssword1234',
  'password1234',
  'password12345',
  'password123456',
  'password1234567890',
  'password123!',
  'password@123',
  'passwordpassword',
  'princess1234',
  'qazwsxedcrfv',
  'qwerasdfzxcv',
  'qwerty123456',
  'qwerty1234567890',
  'qwerty12345678',
  'qwertyqwerty',
  'qwertyuiop12',
  'qwertyuiop123',
  'qwertyuiop[]',
  'qwertyuiopasdfghjkl',
  'secretpassword',
  'spongebob123',
  'sunshine1234',
  'superman1234',
  'thisismypassword',
  'trustno1trustno1',
  'unbelievable',
  'welcome12345',
  'welcome123456',
  'whatever1234',
  'zaq12wsxcde3',
  'йцукенгшщзхъ',
  'йцукенйцукен',
  'парольпароль',
  'пароль123456',
  'привет123456',
]);

/**
 * The password as it is hashed (Unicode NFC, as text is everywhere here). Throws `password-too-weak` with `path` on one that is
 * shorter than 12 characters, among the commonest, a run, or a repetition of few characters; `validation-failed` when it is
 * longer than 200.
 */
export function acceptablePassword(password: string, path: string): string {
  const normal = normalPassword(password);
  const { length } = [...normal];
  if (length > LONGEST) {
    throw new DomainError('validation-failed', {
      errors: [{ path, code: 'too-big', message: `At most ${LONGEST} characters.` }],
    });
  }
  if (length < SHORTEST || isGuessable(normal.toLowerCase())) {
    throw new DomainError('password-too-weak', {
      errors: [{ path, code: 'password-too-weak', message: `Use ${SHORTEST} characters or more, and not a common password.` }],
    });
  }
  return normal;
}

/** NFC, so that a password is the same from every keyboard. What is hashed and what is compared both pass through here. */
export function normalPassword(password: string): string {
  return password.normalize('NFC');
}

function isGuessable(password: string): boolean {
  return isCommon(password) || isCommon(password.replace(/[!.]+$/, '')) || isRepetition(password) || isRun(password);
}

/** `p4$$w0rd1234` is as common as `password1234`. */
const LEET: Readonly<Record<string, string>> = {
  '4': 'a',
  '@': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  '5': 's',
  $: 's',
  '7': 't',
};
const plain = (password: string): string => password.replace(/[4@31!05$7]/g, (character) => LEET[character] ?? character);
const COMMON_PLAIN: ReadonlySet<string> = new Set([...COMMON].map(plain));

function isCommon(password: string): boolean {
  return COMMON_PLAIN.has(plain(password));
}

/** A piece of at most four characters again and again: `aaaa…`, `abcabc…`, `12341234…`. */
function isRepetition(password: string): boolean {
  return /^(.{1,4}?)\1+$/su.test(password) || new Set(password).size < 4;
}

/** Each character follows the one before, up or down, 9 and 0 being neighbours: `123456789012`, `abcdefghijkl`. */
function isRun(password: string): boolean {
  const codes = [...password].map((character) => (character === '0' ? 58 : (character.codePointAt(0) ?? 0)));
  const steps = codes.slice(1).map((code, index) => code - (codes[index] as number));
  return [1, -1].some((step) => steps.every((taken) => taken === step || taken === -9 * step));
}
