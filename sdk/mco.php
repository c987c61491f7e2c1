<?php
// Helper for agents in PHP: put it beside the agent. PHP 5.6 or later.
//
//   require __DIR__ . '/mco.php';
//
//   mco_serve([
//       'hello' => function ($req) {
//           if (!isset($req['data']['name'])) {
//               mco_fail('no name', MCO_MISSING_DATA);
//           }
//           mco_log('greeting', 'debug');
//           return ['message' => 'hello ' . $req['data']['name']];
//       },
//   ]);
//
// It serves one call, or with "mode: worker" in the descriptor one after the
// other. What the agent prints goes to the log, and cannot spoil the answer.

const MCO_OK = 0, MCO_FAILED = 1, MCO_UNKNOWN_ACTION = 2, MCO_MISSING_DATA = 3, MCO_INVALID_DATA = 4, MCO_OTHER = 5;

class McoFailure extends Exception
{
    public $data = [];
}

// Ends an action with a status, by default 1.
function mco_fail($message, $status = MCO_FAILED, $data = [])
{
    $failure = new McoFailure($message, $status);
    $failure->data = $data;
    throw $failure;
}

// Writes a line to the log of the node: error, warn, info or debug.
function mco_log($text, $level = 'info')
{
    foreach (explode("\n", rtrim($text, "\n")) as $line) {
        fwrite(STDERR, strtoupper($level[0]) . '! ' . $line . "\n");
    }
}

function mco_call($handlers, $req)
{
    $action = isset($req['action']) ? $req['action'] : '';
    if (!isset($handlers[$action])) {
        return [MCO_UNKNOWN_ACTION, 'unknown action ' . $action, []];
    }
    ob_start(function ($text) {
        if ($text !== '') {
            mco_log($text);
        }
        return '';
    });
    try {
        $data = call_user_func($handlers[$action], $req);
        return [MCO_OK, 'OK', is_array($data) ? $data : []];
    } catch (McoFailure $e) {
        return [$e->getCode(), $e->getMessage(), $e->data];
    } catch (Exception $e) {
        $error = $e;
    } catch (Error $e) { // the caller is to hear of every failure
        $error = $e;
    } finally {
        ob_end_clean();
    }
    mco_log(get_class($error) . ': ' . $error->getMessage(), 'error');
    return [MCO_OTHER, get_class($error) . ': ' . $error->getMessage(), []];
}

// Answers calls with the functions of an array, by the name of the action.
function mco_serve($handlers)
{
    ini_set('display_errors', 'stderr');
    $say = function ($message) {
        fwrite(STDOUT, json_encode($message, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n");
        fflush(STDOUT);
    };
    if (getenv('MCO_ACTION') !== false) {
        list($status, $text, $data) = mco_call($handlers, json_decode(stream_get_contents(STDIN), true));
        $data['mco'] = ['statuscode' => $status, 'statusmsg' => $text];
        $say($data);
        exit(min($status, MCO_OTHER));
    }
    $say(['type' => 'hello', 'protocol' => 1, 'agent' => (string) getenv('MCO_AGENT')]);
    while (($line = fgets(STDIN)) !== false) {
        $message = json_decode($line, true);
        $type = isset($message['type']) ? $message['type'] : '';
        if ($type === 'ping') {
            $say(['type' => 'pong']);
        } elseif ($type === 'request') {
            list($status, $text, $data) = mco_call($handlers, $message);
            $say(['type' => 'reply', 'id' => $message['id'], 'statuscode' => $status, 'statusmsg' => $text, 'data' => (object) $data]);
        }
    }
}
