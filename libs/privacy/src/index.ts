export {
  isMasked,
  isPhoneRegion,
  maskContactNumber,
  maskPhone,
  normalisePhone,
  parsePhone,
  splitStored,
  type ContactNumber,
  type NormalisedPhone,
  type ParsedPhone,
  type PhoneRefusal,
} from './phones.js';
export { emailKey, maskEmail, parseEmail, type ParsedEmail } from './emails.js';
export { findsNumber, maskText } from './free-text.js';
export { kekIdOf, localKeyWrapper, newDataKey, open, seal, wrappedWith, type JsonValue, type KeyWrapper } from './sealing.js';
export { openSecrets, sealSecrets } from './sealed-fields.js';
export { blindIndex, blindIndexHex } from './blind-index.js';
export {
  EnvelopeSender,
  exportReceiverKeys,
  importReceiverKeys,
  newReceiverKeys,
  openEnvelope,
  sealFor,
  toPublicJwk,
  type PrivateJwk,
  type PublicJwk,
  type ReceiverKeys,
} from './envelopes.js';
