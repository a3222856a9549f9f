export { changed, changedSchema, tagged, type Changed } from './change-answer.js';
export { AsCommand, commandRequest, parseIdempotencyKey, type CommandRequest } from './command-request.js';
export { etagOf, parseIfMatch } from './if-match.js';
export {
  decodeCursor,
  encodeCursor,
  pageOf,
  pageQuerySchema,
  pageSchema,
  parsePage,
  refuseUnknown,
  type Page,
  type PageRequest,
} from './list-query.js';
export { PathId } from './path-id.js';
export { Sent, parseJson, readJson, sentBody, validated, type SentBody } from './sent-body.js';
