/** One line of the catalogue: the code maps to a status and to words that end with what to do next. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** Every code an answer can carry. The one place where codes meet HTTP. */
export const PROBLEMS = {
  unauthenticated: {
    status: 401,
    title: 'Not signed in',
    detail: 'Sign in with POST /v1/sessions and send the token as a Bearer token.',
  },
  'invalid-credentials': { status: 401, title: 'Wrong credentials', detail: 'Check e-mail and password and try again.' },
  'invalid-signature': {
    status: 401,
    title: 'Signature missing or wrong',
    detail: "Sign the time and the body with the form's secret, and send them within five minutes.",
  },
  'totp-required': {
    status: 401,
    title: 'Second factor due',
    detail: 'Send the code of your authenticator app, or a recovery code, as totp.',
  },
  forbidden: { status: 403, title: 'Not allowed', detail: 'Your roles do not allow this. Ask an administrator for the right.' },
  'account-deactivated': { status: 403, title: 'Account deactivated', detail: 'Ask an administrator to reactivate the account.' },
  'ip-not-allowed': {
    status: 403,
    title: 'Address not allowed',
    detail: 'Connect from an address on the allow-list or ask an administrator.',
  },
  'api-admins-only': { status: 403, title: 'API for administrators only', detail: 'Use a token of an administrator.' },
  'scope-missing': { status: 403, title: 'Scope missing', detail: 'Make a token with the scope that this route needs.' },
  'second-factor-required': {
    status: 403,
    title: 'Second factor required',
    detail: 'A role of yours requires a second factor. Set it up with POST /v1/me/totp.',
  },
  'cross-site-request': {
    status: 403,
    title: 'Request of another site',
    detail: 'Send it from a page of this host, or with an Authorization header.',
  },
  'view-limit-reached': {
    status: 403,
    title: 'View limit reached',
    detail: 'The limit on views is reached. Ask an administrator.',
  },
  'prefetch-refused': { status: 403, title: 'Prefetch refused', detail: 'Open the card without prefetching it.' },
  'grant-exceeds-own': { status: 403, title: 'Grant exceeds own rights', detail: 'Grant only what you hold yourself.' },
  'origin-not-allowed': {
    status: 403,
    title: 'Origin not allowed',
    detail: "Add the page's origin to the form's allowedOrigins.",
  },
  'not-found': { status: 404, title: 'Not found', detail: 'Check the address and the id.' },
  'unknown-form': { status: 404, title: 'Unknown form', detail: "Check the form's key and that it is enabled." },
  erased: { status: 410, title: 'Erased', detail: 'The person was erased for good. See the destruction act.' },
  'method-not-allowed': { status: 405, title: 'Method not allowed', detail: 'See the documented methods of this route.' },
  'last-administrator': {
    status: 409,
    title: 'Last administrator',
    detail: 'Make another person an active administrator first.',
  },
  'already-active': { status: 409, title: 'Already active', detail: 'The person is active; nothing to do.' },
  'already-deactivated': { status: 409, title: 'Already deactivated', detail: 'The person is deactivated; nothing to do.' },
  'already-exists': { status: 409, title: 'Already exists', detail: 'Open what exists instead, or make it with another name.' },
  'second-factor-exists': {
    status: 409,
    title: 'Second factor exists',
    detail: 'Remove the one in force first, with DELETE /v1/me/totp.',
  },
  'in-use': {
    status: 409,
    title: 'In use',
    detail: 'Take it from everybody and everything that has or names it first, then remove it.',
  },
  'email-taken': { status: 409, title: 'E-mail in use', detail: 'Use another e-mail; this one signs somebody in already.' },
  'capacity-reached': {
    status: 409,
    title: 'Capacity reached',
    detail: 'No more of these can be made. Remove one that is no longer needed, or use it.',
  },
  'not-deleted': { status: 409, title: 'Not deleted', detail: 'The record is not deleted; nothing to restore.' },
  'deal-closed': { status: 409, title: 'Deal closed', detail: 'The deal is won or lost. Reopen it first.' },
  'deal-open': { status: 409, title: 'Deal open', detail: 'The deal is open; nothing to reopen.' },
  'stage-in-use': {
    status: 409,
    title: 'Stage in use',
    detail: 'Move the deals of the stage to another one first; deleted deals count too.',
  },
  'lead-settled': {
    status: 409,
    title: 'Lead settled',
    detail: 'It was accepted, or declined for good. List the leads again to see what waits.',
  },
  'lead-unprocessable': {
    status: 409,
    title: 'Lead cannot be processed',
    detail: 'It failed again and stays set aside. Put right what the reason names, and try again.',
  },
  'would-lock-you-out': {
    status: 409,
    title: 'Would lock you out',
    detail: 'Add your own address to the entries or set exemptAdmins.',
  },
  'idempotency-in-progress': {
    status: 409,
    title: 'Still in progress',
    detail: 'The first request with this key is running. Try again shortly.',
  },
  'export-not-ready': {
    status: 409,
    title: 'Export not ready',
    detail: 'Its rows are being written. Ask for its state and come again when it is done.',
  },
  'version-conflict': {
    status: 412,
    title: 'Version conflict',
    detail: 'The record changed meanwhile. Read it again and repeat the change.',
  },
  'body-too-large': { status: 413, title: 'Body too large', detail: 'Send a smaller body.' },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported media type',
    detail: 'Send the body as application/json; a lead also as a form, in UTF-8.',
  },
  'malformed-body': { status: 400, title: 'Malformed body', detail: 'Send a well-formed body in UTF-8.' },
  'malformed-request': { status: 400, title: 'Malformed request', detail: 'Check the request line and headers.' },
  'validation-failed': { status: 422, title: 'Invalid input', detail: 'Correct the fields named in errors.' },
  'invalid-phone': { status: 422, title: 'Invalid phone', detail: 'Give one complete telephone number per field.' },
  'incomplete-number': {
    status: 422,
    title: 'Incomplete number',
    detail: 'Give one complete telephone number; parts of numbers find nothing.',
  },
  'invalid-email': { status: 422, title: 'Invalid e-mail', detail: 'Give one complete e-mail address per field.' },
  'masked-value': {
    status: 422,
    title: 'Masked value',
    detail: 'A mask is not a number. Leave the field out to keep the number.',
  },
  'invalid-cidr': { status: 422, title: 'Invalid address', detail: 'Correct the entries named in errors.' },
  'empty-allow-list': { status: 422, title: 'Empty allow-list', detail: 'Add an entry, or confirm with "confirmEmpty": true.' },
  'unknown-filter': { status: 422, title: 'Unknown filter', detail: 'Use the documented filters only.' },
  'unknown-sort': { status: 422, title: 'Unknown sort', detail: 'Use the documented sorts only.' },
  'invalid-cursor': { status: 422, title: 'Invalid cursor', detail: 'Start again without a cursor.' },
  'responsible-inactive': { status: 422, title: 'Responsible person not active', detail: 'Name an active person.' },
  'unknown-reference': { status: 422, title: 'Unknown reference', detail: 'Name things that exist.' },
  'level-not-applicable': { status: 422, title: 'Level not applicable', detail: 'This action takes allowed or forbidden only.' },
  'idempotency-key-reused': { status: 422, title: 'Idempotency key reused', detail: 'Use a new key for a new request.' },
  'rewind-too-large': {
    status: 422,
    title: 'Rewind too large',
    detail: 'Undo it in parts: give a later since, or an earlier until.',
  },
  'export-too-large': {
    status: 422,
    title: 'Export too large',
    detail: 'Narrow the filter, and export in parts.',
  },
  'target-not-public': {
    status: 422,
    title: 'Target not public',
    detail: 'Name a host of the public internet; the operator may allow others with PALISADE_ALLOW_PRIVATE_TARGETS.',
  },
  'consent-required': { status: 422, title: 'Consent required', detail: 'Send the consent with the lead.' },
  'own-privileges': {
    status: 422,
    title: 'Own privileges',
    detail: 'Nobody changes his own privileges. Ask another administrator.',
  },
  'password-too-weak': {
    status: 422,
    title: 'Password too weak',
    detail: 'Use 12 characters or more, and not a common password.',
  },
  'too-many-attempts': { status: 429, title: 'Too many attempts', detail: 'Wait as long as Retry-After says.' },
  'rate-exceeded': { status: 429, title: 'Rate exceeded', detail: 'Wait as long as Retry-After says.' },
  internal: { status: 500, title: 'Internal error', detail: 'Try again; when it stays, tell the operator the requestId.' },
  'dependency-unavailable': { status: 503, title: 'A part is unavailable', detail: 'Try again after Retry-After seconds.' },
  'spool-full': { status: 503, title: 'No space for leads', detail: 'Try again after Retry-After seconds.' },
} as const satisfies Record<string, Problem>;
export type ProblemCode = keyof typeof PROBLEMS;
