/** The part of a logger that is needed here; pino fits. */
export interface ReadModelLogger {
  info(attributes: object, message: string): void;
  warn(attributes: object, message: string): void;
  error(attributes: object, message: string): void;
}

/** Shape of a service's component. */
export interface ReadModelComponent {
  readonly name: string;
  start?(): Promise<void> | void;
  stopIntake?(): Promise<void> | void;
  close?(): Promise<void> | void;
}
