import { ApplicationFailure } from '@temporalio/common';
import type { ErrorDetails, ErrorType } from './twocaptcha';

/** What a workflow of the provider ended with. */
export interface End {
  /** A type that this version knows, or a further code of the service. */
  type: ErrorType | (string & {});
  message: string;
  details: ErrorDetails;
}

/**
 * Finds what a workflow of the provider ended with below the error that a client, a parent or a Nexus caller got. It
 * returns undefined for any other error, such as a cancellation or a termination.
 */
export function endOf(err: unknown): End | undefined {
  for (let each = err; each instanceof Error; each = each.cause) {
    if (each instanceof ApplicationFailure) {
      return { type: each.type ?? '', message: each.message, details: (each.details?.[0] ?? {}) as ErrorDetails };
    }
  }
  return undefined;
}

/** What the callers in this example make of a task. */
export type Outcome =
  | { is: 'solved'; solution: unknown }
  | { is: 'unsolvable' } // a new task may succeed
  | { is: 'notReadyInTime'; taskId: number | undefined } // wait longer, or give up
  | { is: 'unanswered'; taskId: number | undefined }; // the result may be there: wait for the same task again

/** Makes an outcome of the errors that a caller can act on, and throws all others, a cancellation among them. */
export function outcomeOf(err: unknown): Outcome {
  const end = endOf(err);
  if (end === undefined) {
    throw err;
  }
  switch (end.type) {
    case 'ERROR_CAPTCHA_UNSOLVABLE' satisfies ErrorType:
    case 'ERROR_BAD_DUPLICATES' satisfies ErrorType:
      return { is: 'unsolvable' };
    case 'TaskTimeout' satisfies ErrorType:
      return { is: 'notReadyInTime', taskId: end.details.taskId };
    case 'NoAnswer' satisfies ErrorType:
      return { is: 'unanswered', taskId: end.details.taskId };
    default:
      // To Temporal the errors of children and operations are retryable: a caller with a retry policy would run again.
      throw ApplicationFailure.nonRetryable(end.message, end.type, end.details);
  }
}
