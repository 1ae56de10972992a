package logparse

// group is the messages of one format. Each line is a pattern; behind " => " stand
// fields that the message implies.
type group struct {
	format, apps, patterns string
}

// ruleText holds the formats that are known without configuration. Apps "" means lines
// that bring their own header; apps "*" means messages that many programs say.
var ruleText = append(authText, append(serverText, headerText...)...)

var authText = []group{
	{"sshd", "sshd sshd-session", `
Failed %{word:auth_method} for invalid user %{text:user} from %{ip:src_ip} port %{int:src_port}%[ %{word:protocol}%]%[: %{rest:key}%] => outcome=failure
Failed %{word:auth_method} for %{text:user} from %{ip:src_ip} port %{int:src_port}%[ %{word:protocol}%]%[: %{rest:key}%] => outcome=failure
Accepted %{word:auth_method} for %{text:user} from %{ip:src_ip} port %{int:src_port}%[ %{word:protocol}%]%[: %{rest:key}%] => outcome=success
Postponed %{word:auth_method} for %[invalid user %]%{text:user} from %{ip:src_ip} port %{int:src_port}%{rest}
Invalid user %{text:user} from %{ip:src_ip}%[ port %{int:src_port}%] => outcome=failure
input_userauth_request: invalid user %{text:user} [preauth] => outcome=failure
User %{text:user} from %{host:src_host} not allowed because %{rest:reason} => outcome=failure
Disconnected from %{text:state} user %{text:user} %{ip:src_ip} port %{int:src_port}%[ [preauth]%]
Disconnected from user %{text:user} %{ip:src_ip} port %{int:src_port}%[ [preauth]%]
Disconnected from %{ip:src_ip} port %{int:src_port}%[ [preauth]%]
Connection %{word:event} by %{text:state} user %{text:user} %{ip:src_ip} port %{int:src_port}%[ [preauth]%]
Connection %{word:event} by %{ip:src_ip}%[ port %{int:src_port}%]%[ [preauth]%]
Connection from %{ip:src_ip} port %{int:src_port}%[ on %{ip:dst_ip} port %{int:dst_port}%]%[ %{rest}%]
Received disconnect from %{ip:src_ip}%[ port %{int:src_port}%]:%[ %]%{int:code}: %{text:reason}%[ [preauth]%]
%{word:error} Received disconnect from %{ip:src_ip}: %{int:code}: %{text:reason}%[ [preauth]%]
Unable to negotiate with %{ip:src_ip} port %{int:src_port}: %{text:reason}. Their offer: %{text:offer}%[ [preauth]%] => outcome=failure
Did not receive identification string from %{ip:src_ip}%[ port %{int:src_port}%]
Bad protocol version identification %{text:banner} from %{ip:src_ip}%[ port %{int:src_port}%] => outcome=failure
%[fatal: %]Timeout before authentication for %{ip:src_ip} port %{int:src_port} => outcome=failure
%{word}: Connection from %{ip:src_ip} port %{int:src_port}: %{text:reason}%[ [preauth]%] => outcome=failure
Magic value check failed (%{int:value}) on obfuscated handshake from %{ip:src_ip} port %{int:src_port} => outcome=failure
%[error: %]maximum authentication attempts exceeded for %[invalid user %]%{text:user} from %{ip:src_ip} port %{int:src_port}%{rest} => outcome=failure
Disconnecting%{text}: Too many authentication failures%[ for %{text:user}%]%[ [preauth]%] => outcome=failure
refused connect from %{text:src_host} (%{ip:src_ip}) => outcome=failure
reverse mapping checking getaddrinfo for %{host:src_host} [%{ip:src_ip}] failed%{rest}
Close session: user %{text:user} from %{ip:src_ip} port %{int:src_port} id %{int:session}
Starting session: %{text:session_type} for %{text:user} from %{ip:src_ip} port %{int:src_port} id %{int:session}
Server listening on %{ip:dst_ip} port %{int:dst_port}.`},
	{"dropbear", "dropbear", `
Bad %{text} password attempt for '%{text:user}' from %{ip:src_ip}:%{int:src_port} => outcome=failure
Login attempt for nonexistent user%[ '%{text:user}'%] from %{ip:src_ip}:%{int:src_port} => outcome=failure
%{word:auth_method} auth succeeded for '%{text:user}' from %{ip:src_ip}:%{int:src_port} => outcome=success
Exit before auth%[ from <%{ip:src_ip}:%{int:src_port}>%]: %{rest:reason} => outcome=failure
Exit (%{text:user}): %{rest:reason}
Child connection from %{ip:src_ip}:%{int:src_port}`},
	{"dropbear", "", `
Bad PAM password attempt for '%{text:user}' from %{ip:src_ip}:%{int:src_port} => outcome=failure
Bad password attempt for '%{text:user}' from %{ip:src_ip}:%{int:src_port} => outcome=failure
Login attempt for nonexistent user from %{ip:src_ip}:%{int:src_port} => outcome=failure
Exit before auth from <%{ip:src_ip}:%{int:src_port}>: %{rest:reason} => outcome=failure`},
	{"pam", "*", `
%[PAM %{int:count} more %]%[%{word:pam_module}: %]authentication failure%[s%]; logname=%{text:logname} uid=%{int:uid} euid=%{int:euid} tty=%{text:tty} ruser=%{text:ruser} rhost=%{text:src_ip}%[ %]%[ user=%{rest:user}%] => outcome=failure
%[%{word:pam_module}: %]session %{word:session} for user %{text:user}%[(uid=%{int:uid})%]%[ by %{rest:by}%]
%[%{word:pam_module}: %]check pass; user unknown => outcome=failure`},
	{"sudo", "sudo", `
%{text:user} : %[%{text:reason} ; %]TTY=%{text:tty} ; PWD=%{text:pwd} ; USER=%{text:target_user} ;%[ GROUP=%{text:target_group} ;%]%[ ENV=%{text:env} ;%] COMMAND=%{rest:command}`},
	{"su", "su", `
'su %{text:target_user}' failed for %{text:user} on %{rest:tty} => outcome=failure
FAILED SU (to %{text:target_user}) %{text:user} on %{rest:tty} => outcome=failure
(to %{text:target_user}) %{text:user} on %{rest:tty} => outcome=success`},
	{"cron", "cron crond anacron", `
(%{text:user}) CMD (%{text:command})
(%{text:user}) %{word:action} (%{text:detail})
Job %{text:job} %{word:action}%{rest}`},
	{"systemd", "systemd", `
Started %{text:unit}.
Starting %{text:unit}...
Stopped %{text:unit}.
Stopping %{text:unit}...
Finished %{text:unit}.
Failed to start %{text:unit}. => outcome=failure
%{word:unit}: Main process exited, code=%{word:code}, status=%{rest:exit_status}
%{word:unit}: Failed with result '%{text:result}'. => outcome=failure
%{word:unit}: Consumed %{text:cpu_time} CPU time%{rest}`},
	{"samba", "smb smbd samba", `
Auth: [%{text:protocol}] user [%{text:domain}]\[%{text:user}] at [%{text:time}] with [%{text:auth_method}] status [%{text:auth_status}] workstation [%{text:workstation}] remote host [ipv%{int}:%{ip:src_ip}:%{int:src_port}] %[became [%{text}]\[%{text}] [%{text}]. %]%[mapped to [%{text}]\[%{text:mapped_user}]. %]local host [ipv%{int}:%{ip:dst_ip}:%{int:dst_port}]%{rest}`},
	{"vsftpd", "", `
%{text:time} [pid %{int:pid}] [%{text:user}] %{word:result} LOGIN: Client "%{ip:src_ip}"
%{text:time} [pid %{int:pid}] CONNECT: Client "%{ip:src_ip}"
%{text:time} [pid %{int:pid}] [%{text:user}] %{word:result} %{word:action}: Client "%{ip:src_ip}"%{rest:detail}`},
	{"proftpd", "proftpd", `
%{text:server} (%{text:src_host}[%{ip:src_ip}])%[: %]%[ - %]USER %{text:user}: no such user found from %{text} [%{ip}] to %{rest:destination} => outcome=failure
%{text:server} (%{text:src_host}[%{ip:src_ip}])%[: %]%[ - %]USER %{text:user} (Login failed): %{rest:reason} => outcome=failure
%{text:server} (%{text:src_host}[%{ip:src_ip}])%[: %]%[ - %]USER %{text:user}: Login successful. => outcome=success
%{text:server} (%{text:src_host}[%{ip:src_ip}])%[: %]%[ - %]%{rest:detail}`},
	{"proftpd", "", `
%{text:time} %{host:host} proftpd[%{int:pid}] %{text:server} (%{text:src_host}[%{ip:src_ip}]): USER %{text:user}: no such user found from %{text} to %{rest:destination} => outcome=failure app=proftpd
%{text:time} %{host:host} proftpd[%{int:pid}] %{text:server} (%{text:src_host}[%{ip:src_ip}]): %{rest:detail}`},
	{"pfsense", "php-fpm pfsense", `
%{word:script}: webConfigurator authentication error for %[user %]'%{text:user}' from: %{ip:src_ip} => outcome=failure
%{word:script}: Successful login for user '%{text:user}' from: %{ip:src_ip}%{rest} => outcome=success`},
	{"strongswan", "charon charon-systemd ipsec strongswan", `
%{word:thread}[%{text:subsystem}] <%{text:connection}> sending packet: from %{ip:src_ip}[%{int:src_port}] to %{ip:dst_ip}[%{int:dst_port}] (%{int:bytes} bytes)
%{word:thread}[%{text:subsystem}] <%{text:connection}> received packet: from %{ip:src_ip}[%{int:src_port}] to %{ip:dst_ip}[%{int:dst_port}] (%{int:bytes} bytes)
%{word:thread}[%{text:subsystem}] <%{text:connection}> %{ip:src_ip} is initiating a%{rest}
%{word:thread}[%{text:subsystem}] <%{text:connection}> %{text} username: '%{text:user}'
%{word:thread}[%{text:subsystem}] <%{text:connection}> EAP method %{text:method} failed for peer %{rest:user} => outcome=failure
%{word:thread}[%{text:subsystem}] <%{text:connection}> %{text:text} from %{ip:src_ip}%[[%{int:src_port}]%]%{rest}
%{word:thread}[%{text:subsystem}] <%{text:connection}> %{rest:text}
%{word:thread}[%{text:subsystem}] %{rest:text}`},
	{"openvpn", "openvpn ovpn-server", `
%{text:user}/%{ip:src_ip}:%{int:src_port} %{rest:text}
%{ip:src_ip}:%{int:src_port} [%{text:user}] Peer Connection Initiated with %{rest} => outcome=success
%{ip:src_ip}:%{int:src_port} TLS Auth Error: %{rest:reason} => outcome=failure
%{ip:src_ip}:%{int:src_port} %{rest:text}`},
	{"cowrie", "cowrie", `
%{word:time} [%{text:component}] New connection: %{ip:src_ip}:%{int:src_port} (%{ip:dst_ip}:%{int:dst_port}) [session: %{word:session}]
%{word:time} [%{text:component}] login attempt [%{text:user}/%{text}] %{word:result}
%{word:time} [%{text:component}] %{rest:text}`},
	{"cisco_asa", "cisco_asa", `
Built %{word:direction} %{word:protocol} connection %{int:connection} for %{text:src_interface}:%{ip:src_ip}/%{int:src_port} %{text} to %{text:dst_interface}:%{ip:dst_ip}/%{int:dst_port}%{rest}
Teardown %{word:protocol} connection %{int:connection} for %{text:src_interface}:%{ip:src_ip}/%{int:src_port}%{text} to %{text:dst_interface}:%{ip:dst_ip}/%{int:dst_port}%{text} duration %{word:duration}%[ bytes %{int:bytes}%]%{rest}
Deny %{word:protocol} src %{text:src_interface}:%{ip:src_ip}/%{int:src_port} dst %{text:dst_interface}:%{ip:dst_ip}/%{int:dst_port}%{text} by access-group "%{text:rule}"%{rest} => action=deny`},
	{"cisco", "cisco", `
Interface %{text:interface}, changed state to %{rest:state}
Line protocol on Interface %{text:interface}, changed state to %{rest:state}
Configured from %{text:method} by %{text:user} on %{text:line} (%{ip:src_ip})`},
}
