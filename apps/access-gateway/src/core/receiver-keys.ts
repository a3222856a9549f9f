/** Where the keys of this gateway instance are asked for: what core seals to them, no other can open. */
export const RECEIVER_KEYS = Symbol('receiver keys');
