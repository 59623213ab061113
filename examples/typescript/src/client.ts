import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/client';
import { type Outcome, outcomeOf } from './errors';
import type { SolveTask, SolveTaskInput, Status } from './twocaptcha';

/**
 * Submits a task and waits for its result. The order names the purchase: however often it is asked for, within the
 * namespace's retention it is bought once.
 */
export async function solve(client: Client, order: string, input: SolveTaskInput): Promise<Outcome> {
  const workflowId = `2captcha-solve-${order}`;
  try {
    await client.workflow.start<SolveTask>('SolveTask', {
      args: [input],
      workflowId,
      taskQueue: '2captcha',
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, // attaches to the purchase that is running
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    });
  } catch (err) {
    if (!(err instanceof WorkflowExecutionAlreadyStartedError)) {
      throw err;
    } // else the purchase has ended, and answers
  }
  try {
    return { is: 'solved', solution: (await client.workflow.result<SolveTask>(workflowId)).solution };
  } catch (err) {
    return outcomeOf(err);
  }
}

/** Asks how far a purchase is. */
export async function statusOf(client: Client, order: string): Promise<Status> {
  return await client.workflow.getHandle(`2captcha-solve-${order}`).query<Status>('status');
}
