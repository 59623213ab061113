import {
  ChildWorkflowCancellationType,
  NexusOperationCancellationType,
  ParentClosePolicy,
  createNexusServiceClient,
  executeChild,
  proxyActivities,
} from '@temporalio/workflow';
import * as nexus from 'nexus-rpc';
import { type Outcome, outcomeOf } from './errors';
import type {
  Activities,
  AwaitTaskResult,
  AwaitTaskResultInput,
  AwaitTaskResultOutput,
  SolveTaskInput,
  SolveTaskOutput,
} from './twocaptcha';

const taskQueue = '2captcha'; // which the provider's worker serves

/**
 * Waits for a task by a child workflow. If this workflow is canceled, it ends as canceled, and the child goes on: the task
 * is paid for, and the next one who waits for it gets its result.
 */
export async function waitInChild(input: AwaitTaskResultInput): Promise<Outcome> {
  try {
    const result = await executeChild<AwaitTaskResult>('AwaitTaskResult', {
      args: [input],
      workflowId: `2captcha-task-${input.taskId}`,
      taskQueue,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
    });
    return { is: 'solved', solution: result.solution };
  } catch (err) {
    return outcomeOf(err);
  }
}

const service = nexus.service('2captcha', {
  awaitTaskResult: nexus.operation<AwaitTaskResultInput, AwaitTaskResultOutput>(),
  solveTask: nexus.operation<SolveTaskInput, SolveTaskOutput>(),
});

/**
 * Waits for a task through Nexus: from any namespace, and beside any number of other callers of the same wait. If this
 * workflow is canceled, it ends as canceled, and the wait goes on.
 */
export async function waitThroughNexus(endpoint: string, input: AwaitTaskResultInput): Promise<Outcome> {
  try {
    const result = await createNexusServiceClient({ endpoint, service }).executeOperation('awaitTaskResult', input, {
      cancellationType: NexusOperationCancellationType.TRY_CANCEL,
    });
    return { is: 'solved', solution: result.solution };
  } catch (err) {
    return outcomeOf(err);
  }
}

/** Asks for the balance by the provider's activity. */
export async function balance(): Promise<string> {
  const { getBalance } = proxyActivities<Activities>({ taskQueue, startToCloseTimeout: '30s', retry: { maximumAttempts: 3 } });
  return (await getBalance()).balance;
}
