import type { Recipe } from '../recipes/recipe';
import type { PortAllocator } from '../ports';
import type { Supervisor } from '../supervisor/supervisor';
import type { ServerHandle, ServerKind, ServerSource } from '../types';

export interface SourceContext {
  readonly env: NodeJS.ProcessEnv;
  readonly purpose: string;
  readonly cacheDirectory: string;
  readonly ports: PortAllocator;
  /** Images to use instead of the pinned official ones. */
  readonly images?: Readonly<Partial<Record<ServerKind, string>>>;
  /** Added to the server's own command line. */
  readonly arguments?: Readonly<Partial<Record<ServerKind, readonly string[]>>>;
  /** Added to the environment of a process; for DTM, whose settings are its environment, of a container too. */
  readonly environment?: Readonly<Partial<Record<ServerKind, Readonly<Record<string, string>>>>>;
  /** The run's supervisor; started on first use, a run on servers from the environment needs none. */
  supervisor(): Promise<Supervisor>;
  readonly log: (line: string) => void;
}

/** A server that answers, or why this source has none. */
export type SourceResult =
  | { readonly kind: 'server'; readonly server: ServerHandle }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** One way to get a server. Rejects when the source has the server but it does not start. */
export interface Source {
  readonly name: ServerSource;
  /** For the line that names the choice. */
  readonly description: string;
  open(recipe: Recipe, context: SourceContext): Promise<SourceResult>;
}

export function unavailable(reason: string): SourceResult {
  return { kind: 'unavailable', reason };
}
