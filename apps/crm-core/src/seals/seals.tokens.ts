export const HEAD_SIGNER = Symbol('head signer');
