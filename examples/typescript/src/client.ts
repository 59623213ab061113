import { type Client, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/client';
import { type Outcome, outcomeOf } from './errors';
import type { SolveTask, SolveTaskInput, Status } from './twocaptcha';

/**
 * Submits a task and waits for its result. The order names the purchase: however often it is asked for, within the
 * namespace's retention it is bought once.
 */
export async function solve(client: Client, order: string, input: SolveTaskInput): Promise<Outcome> {
  const handle = await client.workflow.start<SolveTask>('SolveTask', {
    args: [input],
    workflowId: `2captcha-solve-${order}`,
    taskQueue: '2captcha',
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
  });
  try {
    return { is: 'solved', solution: (await handle.result()).solution };
  } catch (err) {
    return outcomeOf(err);
  }
}

/** Asks how far a purchase is. */
export async function statusOf(client: Client, order: string): Promise<Status> {
  return await client.workflow.getHandle(`2captcha-solve-${order}`).query<Status>('status');
}
