// Runs the example against the provider's worker, on a Temporal dev server and with a fake 2captcha service.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { solve, statusOf } from './client';
import { endOf } from './errors';
import { Processes, freePort, key } from './processes';
import type { AwaitTaskResultInput, ErrorDetails } from './twocaptcha';
import { balance, waitInChild, waitThroughNexus } from './workflows';

const processes = new Processes();
const cleanUp: (() => Promise<unknown>)[] = [() => processes.stop()];
let client: Client;
let service: string;

before(async () => {
  const cli = process.env['TEMPORAL_CLI'];
  assert.ok(cli, 'set TEMPORAL_CLI to the path of the Temporal CLI');
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const namespaces = ['--namespace', 'default', '--namespace', 'stand-in'];
  await processes.start(cli, ['server', 'start-dev', '--headless', '--port', String(port), ...namespaces], {}, /Server: +\S+/);
  service = await processes.start(processes.build('./examples/typescript/service'), [], { TWOCAPTCHA_API_KEY: key }, /http:\S+/);
  const settings = { TEMPORAL_ADDRESS: address, TWOCAPTCHA_API_KEY: key, TWOCAPTCHA_API_URL: service };
  await processes.start(processes.build('./worker'), [], settings, /worker started/);
  const target = ['--target-namespace', 'default', '--target-task-queue', '2captcha'];
  execFileSync(cli, ['operator', 'nexus', 'endpoint', 'create', '--name', 'captchas', ...target, '--address', address]);

  const connection = await NativeConnection.connect({ address });
  cleanUp.unshift(() => connection.close());
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: require.resolve('./stand-ins'), logger });
  for (const options of [{ taskQueue: 'typescript' }, { taskQueue: '2captcha', namespace: 'stand-in' }]) {
    const worker = await Worker.create({ ...options, connection, workflowBundle });
    const running = worker.run();
    cleanUp.unshift(() => (worker.shutdown(), running));
  }
  client = new Client({ connection: await Connection.connect({ address }) });
  cleanUp.unshift(() => client.connection.close());
});

after(async () => {
  for (const each of cleanUp) {
    await each();
  }
});

const task = (comment: string) => ({ type: 'TextCaptchaTask', comment });

/** Submits a task, as something else than the provider does. */
async function submit(comment: string): Promise<number> {
  const answer = await fetch(`${service}/createTask`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ clientKey: key, task: task(comment) }),
  });
  return ((await answer.json()) as { taskId: number }).taskId;
}

/** The ways in which a workflow waits for a task. */
const parents = {
  child: async (input: AwaitTaskResultInput) =>
    await client.workflow.start(waitInChild, { args: [input], workflowId: randomUUID(), taskQueue: 'typescript' }),
  Nexus: async (input: AwaitTaskResultInput) =>
    await client.workflow.start(waitThroughNexus, { args: ['captchas', input], workflowId: randomUUID(), taskQueue: 'typescript' }),
};

/** Repeats what may fail until something that was started has come so far. */
async function eventually<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const result = await attempt().catch(() => undefined);
    if (result !== undefined) {
      return result;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('each way', { concurrency: true, timeout: 110_000 }, () => {
  for (const [name, start] of Object.entries(parents)) {
    test(`a parent waits by ${name}`, async () => {
      const taskId = await submit('2+2?');
      assert.deepEqual(await (await start({ taskId, initialDelay: '1s' })).result(), { is: 'solved', solution: { text: '4' } });
    });

    test(`a parent learns by ${name} that a task is unsolvable`, async () => {
      const parent = await start({ taskId: await submit('unsolvable'), initialDelay: '1ms' });
      assert.deepEqual(await parent.result(), { is: 'unsolvable' });
    });

    test(`a parent learns by ${name} that a task is not ready in time`, async () => {
      const taskId = await submit('slow');
      assert.deepEqual(await (await start({ taskId, timeout: '1ms' })).result(), { is: 'notReadyInTime', taskId });
    });

    test(`a parent is refused by ${name} if its input is wrong`, async () => {
      const parent = await start({ taskId: await submit('2+2?'), timeout: '5 minutes' });
      await assert.rejects(parent.result(), (err) => {
        assert.equal(endOf(err)?.type, 'InvalidInput');
        assert.match(endOf(err)?.message ?? '', /timeout is "5 minutes": it takes a duration with a unit/);
        return true;
      });
    });

    test(`a wait by ${name} goes on if its parent is canceled`, async () => {
      const taskId = await submit('slow');
      const parent = await start({ taskId });
      const wait = client.workflow.getHandle(`2captcha-task-${taskId}`);
      await eventually(() => wait.describe());
      await parent.cancel();
      await assert.rejects(parent.result(), (err) => err instanceof WorkflowFailedError && err.cause instanceof CancelledFailure);
      assert.equal((await wait.describe()).status.name, 'RUNNING');
      await wait.terminate();
    });
  }

  test('a parent learns that no answer came', async () => {
    const inStandIn = new Client({ connection: client.connection, namespace: 'stand-in' });
    const options = { args: [{ taskId: 5 }] as [AwaitTaskResultInput], workflowId: randomUUID(), taskQueue: '2captcha' };
    assert.deepEqual(await inStandIn.workflow.execute(waitInChild, options), { is: 'unanswered', taskId: 5 });
    const solved = await solve(inStandIn, 'order-1', { task: task('2+2?') });
    assert.deepEqual(solved, { is: 'unanswered', taskId: 74372499131 });
  });

  test('a client solves a task, once', async () => {
    const input = { task: task('2+2?'), initialDelay: '1s' };
    const [first, second] = await Promise.all([solve(client, 'order-1', input), solve(client, 'order-1', input)]);
    assert.deepEqual(first, { is: 'solved', solution: { text: '4' } });
    assert.deepEqual(second, first);
    assert.deepEqual(await solve(client, 'order-1', input), first, 'once it has ended');
    const status = await statusOf(client, 'order-1');
    assert.equal(status.state, 'ready');
    assert.equal(status.taskIds?.length, 1);
  });

  test('a client learns that a task is unsolvable', async () => {
    const outcome = await solve(client, 'order-2', { task: task('unsolvable'), initialDelay: '1ms' });
    assert.deepEqual(outcome, { is: 'unsolvable' });
    assert.deepEqual(await solve(client, 'order-2', { task: task('2+2?') }), { is: 'unsolvable' }, 'an order is bought once');
  });

  test('a client learns that a task is not ready in time', async () => {
    const outcome = await solve(client, 'order-3', { task: task('slow'), initialDelay: '1ms', timeout: '6s' });
    assert.equal(outcome.is, 'notReadyInTime');
  });

  test('a client learns that its purchase was canceled, and what was bought', async () => {
    const solving = solve(client, 'order-4', { task: task('slow') });
    const taskId = await eventually(async () => (await statusOf(client, 'order-4')).taskId);
    await client.workflow.getHandle('2captcha-solve-order-4').cancel();
    await assert.rejects(solving, (err) => {
      assert.ok(err instanceof WorkflowFailedError && err.cause instanceof CancelledFailure);
      assert.equal((err.cause.details[0] as ErrorDetails).taskId, taskId);
      return true;
    });
  });

  test('a workflow asks for the balance by the activity', async () => {
    const options = { workflowId: randomUUID(), taskQueue: 'typescript' };
    assert.match(await client.workflow.execute(balance, options), /^[0-9.]+$/);
  });
});
