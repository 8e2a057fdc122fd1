import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { describeError } from './describe-error';
import { createAttributeFilter } from './log-attributes';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** Name of the app, written into every line. */
  readonly name: string;
  readonly level: LogLevel;
  /** Attribute names this app may log on top of the common ones; never one that holds personal data. */
  readonly allow?: readonly string[];
  /** @default standard output */
  readonly destination?: DestinationStream;
}

/**
 * JSON lines with ISO time. Attributes pass an allow-list (see log-attributes.ts): a name that nobody vouched for is replaced by
 * "[redacted]", so that a new field can never leak personal data by accident. `err` is reduced to type, code, message, stack and causes.
 */
export function createLogger({ name, level, allow = [], destination }: LoggerOptions): Logger {
  const filter = createAttributeFilter(allow);
  const options = {
    name,
    level,
    timestamp: stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: filter,
    },
  };
  const logger = destination === undefined ? pino(options) : pino(options, destination);
  return filteringChildren(logger, filter);
}

/** pino applies `formatters.bindings` to the first logger only; children inherit this `child` through their prototype. */
function filteringChildren(
  logger: Logger,
  filter: (attributes: Record<string, unknown>) => Record<string, unknown>,
): Logger {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the `this` of whoever is asked for a child
  const { child } = logger;
  logger.child = function filteredChild(this: Logger, bindings, options) {
    return child.call(this, filter(bindings), options);
  } as typeof child;
  return logger;
}
