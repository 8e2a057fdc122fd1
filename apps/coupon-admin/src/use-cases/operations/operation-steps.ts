import type { OperationKind } from '../model';
import { endSteps, pauseSteps, prewarmSteps, resumeSteps, startSteps, stockSteps } from './activity.steps';
import { flowSettingsSteps } from './flow-settings.steps';
import { releaseSteps } from './release.steps';
import type { OperationSteps } from './step';

/** Every kind of operation, state by state. */
export const OPERATION_STEPS: Readonly<Record<OperationKind, OperationSteps>> = {
  prewarm: prewarmSteps,
  start: startSteps,
  pause: pauseSteps,
  resume: resumeSteps,
  end: endSteps,
  stock: stockSteps,
  release: releaseSteps,
  flow_settings: flowSettingsSteps,
};
