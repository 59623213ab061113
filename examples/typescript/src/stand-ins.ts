// What the test's worker runs: this example's workflows and, in a namespace of their own, stand-ins for the provider's.
import { ApplicationFailure } from '@temporalio/workflow';
import type { AwaitTaskResultInput, ErrorDetails } from './twocaptcha';

export * from './workflows';

/** Ends as a wait whose last poll, repeated for two minutes, was not answered. */
export async function AwaitTaskResult(input: AwaitTaskResultInput): Promise<never> {
  throw noAnswer({ taskId: input.taskId, polls: 7 });
}

export async function SolveTask(): Promise<never> {
  throw noAnswer({ taskId: 74372499131, polls: 7, attempts: 1, taskIds: [74372499131] });
}

function noAnswer(details: ErrorDetails): ApplicationFailure {
  return ApplicationFailure.nonRetryable('the last poll brought no answer', 'NoAnswer', details);
}
