// The processes that the test starts: a Temporal dev server, the provider's worker, and a fake 2captcha service.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const key = '0123456789abcdef0123456789abcdef';

export class Processes {
  private readonly folder = mkdtempSync(join(tmpdir(), '2captcha-typescript-'));
  private readonly running: ChildProcess[] = [];

  /** Builds a command of this repository. */
  build(path: string): string {
    const binary = join(this.folder, path.replaceAll('/', '-'));
    execFileSync('go', ['build', '-o', binary, path], { cwd: join(__dirname, '../../..'), stdio: 'inherit' });
    return binary;
  }

  /** Starts a command, and returns the first match in what it writes within a minute. */
  async start(path: string, args: string[], env: Record<string, string>, ready: RegExp): Promise<string> {
    const child = spawn(path, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.running.push(child);
    let output = '';
    return await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        output += chunk.toString();
        const found = ready.exec(output);
        if (found) {
          resolve(found[0]);
        }
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('error', reject);
      setTimeout(() => reject(new Error(`${path} is not ready: ${output}`)), 60_000).unref();
      child.on('exit', () => reject(new Error(`${path} has ended: ${output}`)));
    });
  }

  /** Stops what was started last first. */
  async stop(): Promise<void> {
    for (const child of this.running.reverse()) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    }
    rmSync(this.folder, { recursive: true });
  }
}

/** Finds a port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
