import type { z } from 'zod';

/** One problem of the configuration: the variable and what is wrong with it. Never the value: it may be a secret. */
export interface ConfigProblem {
  readonly variable: string;
  readonly message: string;
}

/** The environment cannot be used; `problems` lists everything that is wrong, not only the first. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(`invalid configuration: ${problems.map(({ variable, message }) => `${variable} ${message}`).join('; ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Raw environment -> validated, frozen, typed configuration. A variable set to the empty string counts as not set, as compose files and
 * shells write it that way. Schema messages must not repeat the value; the helpers of `env` do not.
 * @throws ConfigError with every problem found.
 */
export function loadConfig<S extends z.ZodType>(schema: S, env: Environment): Readonly<z.output<S>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return deepFreeze(result.data);
  throw new ConfigError(
    result.error.issues.map((issue) => {
      const variable = issue.path.length === 0 ? 'configuration' : String(issue.path[0]);
      const missing = issue.code === 'invalid_type' && given[variable] === undefined;
      return { variable, message: missing ? 'is required' : issue.message };
    }),
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
  return value;
}

/** For `superRefine`: notes what is wrong with a variable in the light of the others. The message must not repeat the value. */
export function problemsIn(context: z.RefinementCtx): (variable: string, message: string) => void {
  return (variable, message) => {
    context.addIssue({ code: 'custom', path: [variable], message });
  };
}
