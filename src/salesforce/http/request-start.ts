/** What undici's promise of a reply does not show: when a request is really sent, and what precedes its reply. */
import type { Dispatcher } from 'undici';

/** Informational responses (103 and the like) before a reply: no server needs more. */
const MAX_INTERIM = 20;

/** @param onStart called when the request goes onto a connection */
export function noticeStart(onStart: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    let interim = 0;
    return dispatch(options, {
      onRequestStart(controller, context) {
        onStart();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart(controller, status, ...args) {
        if (status < 200 && ++interim > MAX_INTERIM) {
          controller.abort(new Error(`more than ${MAX_INTERIM} interim responses`));
        } else handler.onResponseStart?.(controller, status, ...args);
      },
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
  };
}
