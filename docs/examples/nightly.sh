#!/bin/sh
# One night: a load, and maintenance where it was published. For cron (crontab) and
# systemd (notionlake.service); what it needs is in their environment:
#
#   PATH                 with notionlake in it
#   NOTIONLAKE_CONFIG    the configuration, if it is not ./notionlake.yaml
#   NOTION_TOKEN         unless the configuration has token_file or token_command
#
# It ends with 0 where nobody needs to look, else with the exit code of notionlake:
#
#   1    a bug
#   2    the configuration, or no token      } every night will fail
#   3    Notion refuses the token            } until somebody mends it
#   5    disk, bucket or catalog: `notionlake check` looks at them
#   8    a load is held: `notionlake loads` says why, and waits for a decision
#
# 4 (Notion failed, the deadline, or something configured is not found or not shared), 6 (another load was first), 7 (the next run finds
# out) and an interrupted run mostly pass by themselves: the next night goes on from
# there. They are told once no night was good for two days.
set -u
good=${1:?usage: nightly.sh FILE (touched after each good night)}

notionlake run --deadline 6h --lock-timeout 10m && notionlake maintain --lock-timeout 10m
code=$?
case $code in
0)
	touch "$good"
	;;
4 | 6 | 7 | 130 | 143)
	if [ -n "$(find "$good" -mtime -2 2>/dev/null)" ]; then
		echo "exit code $code, which the next night may mend"
		exit 0
	fi
	;;
esac
exit $code
