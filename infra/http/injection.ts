/**
 * Tokens under which Nest injects what has no class: `@Inject(CLOCK) clock: Clock`. Everything else is injected by its class: `Database`, `Aggregates`,
 * `Commands`, `EventStoreClient`, `Tickets`, and the adapters `StripePayments`, `Mailer`, `FileStore`, `UserPool`, `AgoraRooms`, `AgoraTokens`.
 */
export const CLOCK = Symbol('Clock');
/** The parsed configuration, `Config`. */
export const CONFIG = Symbol('Config');
/** The process's logger, pino's `Logger`. */
export const LOG = Symbol('Logger');
