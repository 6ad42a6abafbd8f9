import paramiko

client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("server", 2200, "anna", "foo", look_for_keys=False, allow_agent=False, timeout=60)
stdin, stdout, stderr = client.exec_command("uptime")
output = stdout.read()
print(output[:11], len(output), stdout.channel.recv_exit_status())
client.close()
try:
    client.connect("server", 2200, "anna", "bar", look_for_keys=False, allow_agent=False, timeout=60)
except paramiko.AuthenticationException as error:
    print(error)
client.close()
