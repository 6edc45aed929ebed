import pino, { type DestinationStream, type Logger } from 'pino';

/** Fields that never reach a log, at the top or one level down. Callers log ids only; this is the net below them. */
const NEVER = ['password', 'token', 'ticket', 'secret', 'authorization', 'cookie', 'email', 'phone', 'text', 'dateOfBirth', 'body', 'data'];

/** An error without what its library hangs on it: a database says which values collided, an SDK repeats its request. */
function plainError(error: Error & { code?: unknown }) {
  return { type: error.name, message: error.message, stack: error.stack, ...(typeof error.code === 'string' ? { code: error.code } : {}) };
}

/**
 * The log of one process: JSON lines, on standard output unless told otherwise.
 * @param level as LOG_LEVEL
 * @param source the part of the system, on every line
 */
export function createLog(level: string, source: string, destination: DestinationStream = pino.destination(1)): Logger {
  return pino(
    {
      level,
      base: { source },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: plainError },
      redact: { paths: NEVER.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    destination,
  );
}
