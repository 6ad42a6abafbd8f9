import ntplib

answers = []
while len(answers) < 10:
    try:
        answers.append(ntplib.NTPClient().request("server", timeout=1))
    except ntplib.NTPException:
        pass
best = min(answers, key=lambda answer: answer.delay)
print(round(best.offset, 2), round(best.delay, 2), best.stratum)
