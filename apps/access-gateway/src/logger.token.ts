/** `@Inject(GATEWAY_LOGGER) logger: Logger`. */
export const GATEWAY_LOGGER = Symbol('logger of the gateway');
