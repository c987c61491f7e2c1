#!/usr/bin/env php
<?php
require __DIR__ . '/mco.php';

function accounts()
{
    $all = [];
    foreach (file('/etc/passwd', FILE_IGNORE_NEW_LINES) as $line) {
        $f = explode(':', $line);
        if (count($f) === 7) {
            $all[] = ['name' => $f[0], 'uid' => (int) $f[2], 'gid' => (int) $f[3], 'home' => $f[5], 'shell' => $f[6]];
        }
    }
    return $all;
}

mco_serve([
    'show' => function ($req) {
        foreach (accounts() as $account) {
            if ($account['name'] === $req['data']['user']) {
                unset($account['name']);
                return $account;
            }
        }
        mco_fail('no account ' . $req['data']['user']);
    },
    'list' => function ($req) {
        $names = [];
        foreach (accounts() as $account) {
            if ($account['uid'] >= $req['data']['min_uid'] && $account['uid'] <= $req['data']['max_uid']) {
                $names[] = $account['name'];
            }
        }
        return ['count' => count($names), 'accounts' => $names];
    },
]);
