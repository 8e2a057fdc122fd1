import { GID_PATTERN } from '../branch/branch-identity';
import { InvalidSagaError } from './errors';
import type { Saga, SagaOptions } from './saga';

/** Columns of DTM's tables on a SQL store; the other stores have no limits and no errors. */
const MAX_URL_LENGTH = 1024;
const MAX_TEXT_LENGTH = 1024;
const MAX_PAYLOAD_BYTES = 65_535;
const MAX_SECONDS = 86_400;
/** A pass over the steps lasts up to request timeout + 2 s and a started call; a shorter lease lets a second pass overlap it. */
export const SAFE_RETRY_INTERVAL_S = 7;

export interface EncodedSaga<Encoded> {
  readonly gid: string;
  readonly steps: readonly { readonly action: string; readonly compensate: string }[];
  readonly payloads: readonly Encoded[];
  /** JSON text; empty when there is nothing to say. */
  readonly customData: string;
  readonly options: SagaOptions;
}

export interface SagaRules<Payload, Encoded> {
  /** The payload as it is sent; undefined when it cannot be. */
  readonly encode: (payload: Payload) => Encoded | undefined;
  readonly byteLength: (encoded: Encoded) => number;
  /** True for an address that this protocol's server can call. */
  readonly isAddress: (address: string) => boolean;
  readonly minRetryIntervalS: number;
}

/** Checks what DTM does not check, or only its SQL store. @throws InvalidSagaError */
export function encodeSaga<Payload, Encoded>(
  saga: Saga<Payload>,
  rules: SagaRules<Payload, Encoded>,
): EncodedSaga<Encoded> {
  const { gid, steps, options = {} } = saga;
  if (!GID_PATTERN.test(gid)) {
    throw new InvalidSagaError('gid', 'must have 1 to 128 letters, digits, underscores and hyphens');
  }
  if (steps.length === 0) throw new InvalidSagaError('steps', 'must not be empty');
  if (steps.length > 99) throw new InvalidSagaError('steps', 'must not be more than 99');
  const payloads = steps.map((step, index) => encodePayload(step.payload, `steps[${index}].payload`, rules));
  const addresses = steps.map(({ action, compensate = '' }, index) => {
    checkAddress(action, `steps[${index}].action`, rules);
    if (compensate !== '') checkAddress(compensate, `steps[${index}].compensate`, rules);
    return { action, compensate };
  });
  checkOptions(options, rules.minRetryIntervalS);
  const undoable = addresses.every(({ compensate }) => compensate !== '');
  if (!undoable && (options.timeoutToFailS !== undefined || options.concurrent !== undefined)) {
    const field = options.concurrent === undefined ? 'options.timeoutToFailS' : 'options.concurrent';
    throw new InvalidSagaError(field, 'needs a compensation for every step');
  }
  return { gid, steps: addresses, payloads, customData: encodeCustomData(options, steps.length), options };
}

function encodePayload<Payload, Encoded>(payload: Payload, field: string, rules: SagaRules<Payload, Encoded>): Encoded {
  let encoded: Encoded | undefined;
  try {
    encoded = rules.encode(payload);
  } catch (cause) {
    throw new InvalidSagaError(field, 'cannot be sent', { cause });
  }
  if (encoded === undefined) throw new InvalidSagaError(field, 'cannot be sent');
  if (rules.byteLength(encoded) > MAX_PAYLOAD_BYTES) {
    throw new InvalidSagaError(field, `must not be longer than ${MAX_PAYLOAD_BYTES} bytes`);
  }
  return encoded;
}

function checkAddress(address: string, field: string, rules: Pick<SagaRules<never, never>, 'isAddress'>): void {
  if (address.length > MAX_URL_LENGTH || !rules.isAddress(address)) {
    throw new InvalidSagaError(field, 'is no address that DTM can call');
  }
}

function checkOptions(options: SagaOptions, minRetryIntervalS: number): void {
  for (const name of ['retryIntervalS', 'timeoutToFailS', 'requestTimeoutS'] as const) {
    const value = options[name];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 1 || value > MAX_SECONDS) {
      throw new InvalidSagaError(`options.${name}`, `must be whole seconds from 1 to ${MAX_SECONDS}`);
    }
  }
  if (options.retryIntervalS !== undefined && options.retryIntervalS < minRetryIntervalS) {
    throw new InvalidSagaError('options.retryIntervalS', `must be ${minRetryIntervalS} or more: passes would overlap`);
  }
  const headers = options.branchHeaders ?? {};
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[A-Za-z0-9-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value)) {
      throw new InvalidSagaError(`options.branchHeaders.${name}`, 'must be a header of printable ASCII characters');
    }
  }
  // DTM stores all options as one JSON text; the other ones take less than a hundred characters.
  if (JSON.stringify(headers).length > MAX_TEXT_LENGTH - 200) {
    throw new InvalidSagaError('options.branchHeaders', 'are too long for the store');
  }
}

function encodeCustomData({ concurrent, customData }: SagaOptions, steps: number): string {
  if (concurrent === undefined && customData === undefined) return '';
  const isStep = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < steps;
  for (const [step, before] of Object.entries(concurrent?.orders ?? {})) {
    // Steps can always be numbered so; it also excludes circles, in which no step would ever run.
    if (!isStep(Number(step)) || !before.every((other) => isStep(other) && other < Number(step))) {
      throw new InvalidSagaError(`options.concurrent.orders[${step}]`, 'must name steps that come before it');
    }
  }
  for (const name of ['concurrent', 'orders']) {
    if (customData && name in customData)
      throw new InvalidSagaError(`options.customData.${name}`, 'is set by the client');
  }
  const text = JSON.stringify({
    ...customData,
    ...(concurrent === undefined ? {} : { concurrent: true, orders: concurrent.orders ?? {} }),
  });
  if (text.length > MAX_TEXT_LENGTH) throw new InvalidSagaError('options.customData', 'is too long for the store');
  return text;
}
