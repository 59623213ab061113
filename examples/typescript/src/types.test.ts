// What must not compile. If it does, tsc says that there is no error to expect.
import type { AwaitTaskResultInput, AwaitTaskResultOutput, ErrorType, SolveTaskInput } from './twocaptcha';

// @ts-expect-error: a misspelled property
export const misspelled: AwaitTaskResultInput = { taskId: 5, timeOut: '5m' };
// @ts-expect-error: a duration that is a number
export const withoutUnit: AwaitTaskResultInput = { taskId: 5, timeout: 300 };
// @ts-expect-error: no task
export const nothing: SolveTaskInput = { attempts: 2 };
// @ts-expect-error: a way to poll that does not exist
export const polling: AwaitTaskResultInput = { taskId: 5, polling: 'heartbeat' };
// @ts-expect-error: a code with a typing error
export const code: ErrorType = 'ERROR_CAPTCHA_UNSOLVEABLE';
// @ts-expect-error: a property that no result has
export const property = (output: AwaitTaskResultOutput) => output.token;

export const task: SolveTaskInput = { task: { type: 'TextCaptchaTask', comment: '2+2?' }, polling: 'activityRetry' };
